(4 lines as usual)
while live=$(ask config); [ "$live" != 4e19ea98dfd19ca7 ]; do
(11 lines as usual)
