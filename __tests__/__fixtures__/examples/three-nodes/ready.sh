(4 lines as usual)
while live=$(ask config); [ "$live" != d720a84d46e6571b ]; do
(11 lines as usual)
