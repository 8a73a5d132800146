(4 lines as usual)
while live=$(ask config); [ "$live" != 08abd52e8b91a51d ]; do
(11 lines as usual)
