(4 lines as usual)
while live=$(ask config); [ "$live" != ed7902b13f291392 ]; do
(11 lines as usual)
