(4 lines as usual)
while live=$(ask config); [ "$live" != b188ffff50c6b9fc ]; do
(11 lines as usual)
