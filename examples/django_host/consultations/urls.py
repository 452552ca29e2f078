from django.urls import path

from consultations import views

urlpatterns = [
    path("", views.home, name="home"),
    path("patients/<str:id>/", views.patient, name="patient"),
    path("patients/<str:id>/photos/", views.add_photo, name="add_photo"),
    path("patients/<str:id>/preview/", views.preview, name="preview"),
    path("patients/<str:id>/report/", views.report, name="report"),
    path("patients/<str:id>/costs/", views.costs, name="costs"),
    path("jobs/<str:id>/", views.job, name="job"),
    path("jobs/<str:id>/progress/", views.progress, name="progress"),
    path("jobs/<str:id>/cancel/", views.cancel, name="cancel"),
    path("jobs/<str:id>/files/<str:name>/", views.download, name="download"),
]
