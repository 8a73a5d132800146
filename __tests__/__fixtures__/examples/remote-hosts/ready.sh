(4 lines as usual)
while live=$(ask config); [ "$live" != 1b1e1a98f8976e93 ]; do
(11 lines as usual)
