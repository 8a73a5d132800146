(4 lines as usual)
while live=$(ask config); [ "$live" != 527986ff346c4973 ]; do
(11 lines as usual)
