(4 lines as usual)
while live=$(ask config); [ "$live" != 37d6c8b4652ba334 ]; do
(11 lines as usual)
