(4 lines as usual)
while live=$(ask config); [ "$live" != fa99f01853f4f64d ]; do
(11 lines as usual)
