(4 lines as usual)
while live=$(ask config); [ "$live" != 5d45f4a7196b3bb5 ]; do
(11 lines as usual)
