(4 lines as usual)
while live=$(ask config); [ "$live" != 9373f61c8e27aa35 ]; do
(11 lines as usual)
