# escape=`
# Windows line ends
ARG REPO=mcr.microsoft.com/dotnet
ARG TAG=8.0`
-nanoserver-ltsc2022
FROM ${REPO}/sdk:${TAG} `
    AS build
WORKDIR C:\src\
COPY . .
RUN dotnet publish -c release -o C:\app

FROM ${REPO}/aspnet:$TAG
COPY --from=build C:\app C:\app
COPY --from=mcr.microsoft.com/windows/nanoserver:ltsc2022 C:\Windows\a.dll C:\a.dll
ENTRYPOINT ["dotnet", "service.dll"]
