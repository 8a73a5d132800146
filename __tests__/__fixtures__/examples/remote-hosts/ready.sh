(4 lines as usual)
while live=$(ask config); [ "$live" != 8a692dfee676fd06 ]; do
(11 lines as usual)
