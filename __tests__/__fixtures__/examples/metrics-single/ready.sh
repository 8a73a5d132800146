(4 lines as usual)
while live=$(ask config); [ "$live" != 4073bd978815c08f ]; do
(11 lines as usual)
