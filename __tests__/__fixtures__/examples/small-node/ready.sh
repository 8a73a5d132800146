(4 lines as usual)
while live=$(ask config); [ "$live" != e4d5ee088ddfde8f ]; do
(11 lines as usual)
