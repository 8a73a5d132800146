(4 lines as usual)
while live=$(ask config); [ "$live" != 225d565075865956 ]; do
(11 lines as usual)
