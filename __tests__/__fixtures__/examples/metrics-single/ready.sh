(4 lines as usual)
while live=$(ask config); [ "$live" != 739cb0fa94c79b59 ]; do
(11 lines as usual)
