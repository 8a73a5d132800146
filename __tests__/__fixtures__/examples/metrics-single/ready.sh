(4 lines as usual)
while live=$(ask config); [ "$live" != 2e747ffec4cbca94 ]; do
(11 lines as usual)
