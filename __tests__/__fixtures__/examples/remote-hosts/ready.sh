(4 lines as usual)
while live=$(ask config); [ "$live" != 3d046d81bbad75e0 ]; do
(11 lines as usual)
