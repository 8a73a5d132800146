(4 lines as usual)
while live=$(ask config); [ "$live" != 3ffde3a03bfb3045 ]; do
(11 lines as usual)
