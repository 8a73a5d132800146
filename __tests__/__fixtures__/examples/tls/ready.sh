(4 lines as usual)
while live=$(ask config); [ "$live" != 837cd7249e0bfb4f ]; do
(11 lines as usual)
