(4 lines as usual)
while live=$(ask config); [ "$live" != 69be3f507b99f050 ]; do
(11 lines as usual)
