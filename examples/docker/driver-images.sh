#!/bin/sh
# DockerDriver uploads what lies in /var/lib/pb/docker_images to each notebook host that it prepares. It stands for
# `docker pull` and `docker save rocker/rstudio | gzip -c > rocker.rstudio.img` on the server: files of the same names and
# kind, out of a verified bundle. Only those that change are written, each under its name when it is whole.
#
#     sh driver-images.sh /media/usb/rstudio.tar
#     sh driver-images.sh /media/usb/rstudio.tar --dry-run
#
# Hosts that were prepared before are not touched by the driver: ssh/notebook-hosts.sh brings the same images to them.
set -eu
bundle=$1
shift
exec sealift import "$bundle" "$@" \
    --to docker-archive:/var/lib/pb/docker_images/ \
    --name-template '{repo}.{name}.img' --gzip --on-existing overwrite \
    --key /etc/sealift/transfer.pub.pem
