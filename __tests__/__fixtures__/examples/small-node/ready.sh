(4 lines as usual)
while live=$(ask config); [ "$live" != 726d8aedeb92bf5c ]; do
(11 lines as usual)
