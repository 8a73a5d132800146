(4 lines as usual)
while live=$(ask config); [ "$live" != 977823f32015d76e ]; do
(11 lines as usual)
