(4 lines as usual)
while live=$(ask config); [ "$live" != a394d9d12bb97270 ]; do
(11 lines as usual)
