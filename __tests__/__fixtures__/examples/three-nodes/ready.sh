(4 lines as usual)
while live=$(ask config); [ "$live" != 2686d59afcf63f39 ]; do
(11 lines as usual)
