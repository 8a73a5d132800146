(4 lines as usual)
while live=$(ask config); [ "$live" != 3eea2e8127ee5004 ]; do
(11 lines as usual)
