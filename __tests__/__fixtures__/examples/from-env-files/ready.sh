(4 lines as usual)
while live=$(ask config); [ "$live" != c31f482f01d4cac3 ]; do
(11 lines as usual)
