(4 lines as usual)
while live=$(ask config); [ "$live" != 5015ef0d42ab3ce2 ]; do
(11 lines as usual)
