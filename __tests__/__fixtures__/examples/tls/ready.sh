(4 lines as usual)
while live=$(ask config); [ "$live" != e9113878f3b84156 ]; do
(11 lines as usual)
