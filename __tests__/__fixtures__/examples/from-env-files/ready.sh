(4 lines as usual)
while live=$(ask config); [ "$live" != 4a266f4b14eb3a3a ]; do
(11 lines as usual)
