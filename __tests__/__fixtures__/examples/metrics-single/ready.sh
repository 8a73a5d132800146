(4 lines as usual)
while live=$(ask config); [ "$live" != ab3906b3bb5d8948 ]; do
(11 lines as usual)
