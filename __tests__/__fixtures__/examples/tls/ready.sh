(4 lines as usual)
while live=$(ask config); [ "$live" != febcb8f90aa7e8b5 ]; do
(11 lines as usual)
