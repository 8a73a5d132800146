(4 lines as usual)
while live=$(ask config); [ "$live" != 73337c50aebe5c0f ]; do
(11 lines as usual)
