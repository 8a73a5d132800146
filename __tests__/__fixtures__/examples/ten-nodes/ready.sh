(4 lines as usual)
while live=$(ask config); [ "$live" != 11ed627ae1bb40c7 ]; do
(11 lines as usual)
