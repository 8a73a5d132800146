(4 lines as usual)
while live=$(ask config); [ "$live" != a078beacf60313d9 ]; do
(11 lines as usual)
