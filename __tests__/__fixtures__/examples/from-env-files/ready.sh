(4 lines as usual)
while live=$(ask config); [ "$live" != 3b20a6ca2c7d1e57 ]; do
(11 lines as usual)
