(4 lines as usual)
while live=$(ask config); [ "$live" != e780b5496dcf7ea4 ]; do
(11 lines as usual)
