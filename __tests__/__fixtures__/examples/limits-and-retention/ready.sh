(4 lines as usual)
while live=$(ask config); [ "$live" != 6bd3d504b532ef90 ]; do
(11 lines as usual)
