(4 lines as usual)
while live=$(ask config); [ "$live" != a7bbde9d756308d4 ]; do
(11 lines as usual)
