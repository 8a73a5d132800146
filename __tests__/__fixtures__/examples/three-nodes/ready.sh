(4 lines as usual)
while live=$(ask config); [ "$live" != 379a001b4db6ddf7 ]; do
(11 lines as usual)
