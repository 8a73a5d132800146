(4 lines as usual)
while live=$(ask config); [ "$live" != 0ad572926583892e ]; do
(11 lines as usual)
