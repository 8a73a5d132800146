(4 lines as usual)
while live=$(ask config); [ "$live" != cfe87ba348605874 ]; do
(11 lines as usual)
