(4 lines as usual)
while live=$(ask config); [ "$live" != 536c003140f2d4cf ]; do
(11 lines as usual)
