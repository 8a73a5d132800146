(4 lines as usual)
while live=$(ask config); [ "$live" != 8aa7acceaeeed29a ]; do
(11 lines as usual)
