(4 lines as usual)
while live=$(ask config); [ "$live" != 35f06e979d621b5a ]; do
(11 lines as usual)
