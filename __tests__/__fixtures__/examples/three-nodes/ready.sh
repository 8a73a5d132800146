(4 lines as usual)
while live=$(ask config); [ "$live" != a69bba4d93bc3021 ]; do
(11 lines as usual)
