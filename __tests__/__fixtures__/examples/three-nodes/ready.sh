(4 lines as usual)
while live=$(ask config); [ "$live" != 9448c0477adac662 ]; do
(11 lines as usual)
