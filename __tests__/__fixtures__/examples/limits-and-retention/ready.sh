(4 lines as usual)
while live=$(ask config); [ "$live" != ddd62a1c5eaa658c ]; do
(11 lines as usual)
