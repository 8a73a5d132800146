(4 lines as usual)
while live=$(ask config); [ "$live" != ba501fddad1edab2 ]; do
(11 lines as usual)
