(4 lines as usual)
while live=$(ask config); [ "$live" != 7ad5f76c0207a7b6 ]; do
(11 lines as usual)
