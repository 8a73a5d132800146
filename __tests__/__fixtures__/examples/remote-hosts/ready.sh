(4 lines as usual)
while live=$(ask config); [ "$live" != 8c7c6ddbb22158a9 ]; do
(11 lines as usual)
