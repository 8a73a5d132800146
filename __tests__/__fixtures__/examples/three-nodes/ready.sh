(4 lines as usual)
while live=$(ask config); [ "$live" != 2904ca36911346c0 ]; do
(11 lines as usual)
